// node-oidc-provider for the tests: node oidc_provider.mjs ISSUER CALLBACK ACCOUNTS
// ACCOUNTS is a JSON file {login: claims}, read anew each time that somebody's claims are asked for.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [issuer, callback, accounts, modules] = process.argv.slice(2)
const found = createRequire(modules).resolve('oidc-provider')
const { Provider } = await import(pathToFileURL(found))

const provider = new Provider(issuer, {
  clients: [{ client_id: 'studio', client_secret: 'a-secret-of-the-studio', redirect_uris: [callback] }],
  claims: { email: ['email', 'email_verified'], profile: ['name', 'preferred_username', 'groups'] },
  pkce: { required: () => true },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, ...JSON.parse(readFileSync(accounts, 'utf8'))[id] }),
  }),
})
provider.listen(new URL(issuer).port, '127.0.0.1', () => console.log('ready'))
