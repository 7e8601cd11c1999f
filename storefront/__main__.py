"""``python -m storefront`` is the command ``storefront``."""

from storefront.cli import main

if __name__ == "__main__":
    main()
