"""``python -m benchmarks.fraud_year``."""

from benchmarks.fraud_year.running import main

if __name__ == "__main__":
    main()
