// A provider of OpenID Connect for the tests: npm's oidc-provider, with some people and its own simple forms.
// It is told where Millchat is, says its issuer on a line, and ends with its input.
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const [origin] = process.argv.slice(2);

/** The people who have an account; any password will do. */
const people = {
  ada: { name: 'Ada Lovelace', groups: ['staff', 'leads'], email: 'ada@example.org' },
  bob: { name: 'Bob', groups: ['visitors'], email: 'bob@example.org' },
  eve: { name: 'Ada Lovelace', groups: ['staff'], email: 'ada@example.org' },
};

const claimsOf = (sub) => ({ sub, preferred_username: sub, ...people[sub] });

const client = (client_id, more) => ({
  client_id,
  redirect_uris: ['corp', 'second', 'public'].map((login) => `${origin}/auth/${login}/callback`),
  post_logout_redirect_uris: [`${origin}/`],
  ...more,
});

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      client('millchat', { client_secret: 'a-secret-of-the-tests/with+signs' }),
      client('millchat-public', { token_endpoint_auth_method: 'none' }),
    ],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'picture'], groups: ['groups'] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => claimsOf(sub) }),
    // Nobody is asked what Millchat may know.
    async loadExistingGrant(ctx) {
      const { client: { clientId }, session: { accountId }, provider: { Grant } } = ctx.oidc;
      const grant = new Grant({ clientId, accountId });
      grant.addOIDCScope('openid profile groups');
      await grant.save();
      return grant;
    },
    cookies: { keys: ['a key of the tests'] },
    pkce: { required: () => true },
    ttl: { Session: 3600, Interaction: 3600, Grant: 3600, AccessToken: 60, IdToken: 60 },
  });
  provider.on('server_error', (_, error) => console.error(error));
  server.on('request', provider.callback());
  console.log(issuer);
});
process.stdin.resume().on('end', () => process.exit());
