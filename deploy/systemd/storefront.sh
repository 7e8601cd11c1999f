#!/bin/sh
# Any `storefront` command as the shop's own user, whether it is served or not. For /usr/local/bin/storefront.
exec runuser --user storefront -- env \
    CONFIG=/etc/storefront/shop.yaml DATA=/var/lib/storefront CREDENTIALS_DIRECTORY=/etc/storefront/secrets \
    /opt/storefront/bin/storefront "$@"
