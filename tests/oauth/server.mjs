// An MCP server that wants a login, and oidc-provider as the authorization server that it names.
//
//   node server.mjs
//
// Both listen on ports of their own on 127.0.0.1; the first line is the MCP server's URL. Access tokens
// last four seconds. Each grant at the token endpoint is a line: `grant TYPE`, and `revoked` each revocation.

import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const listen = (server) =>
  new Promise((done) => server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`)));

let provider;
const issuing = createServer((request, response) => provider.callback()(request, response));
const issuer = await listen(issuing);
const serving = createServer((request, response) => serve(request, response));
const own = await listen(serving);
const resource = `${own}/mcp`;

provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'robot',
      client_secret: 'a secret & more',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  scopes: ['openid', 'offline_access', 'notes:read'],
  pkce: { required: () => true },
  features: {
    registration: { enabled: true },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, indicator) => {
        if (indicator !== resource) throw new Error(`another resource: ${indicator}`);
        return { scope: 'notes:read', audience: resource, accessTokenFormat: 'opaque' };
      },
      useGrantedResource: () => true,
    },
  },
  ttl: { AccessToken: 4, ClientCredentials: 4 },
  issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});
provider.on('grant.success', (context) => console.log(`grant ${context.oidc.params.grant_type}`));
provider.on('refresh_token.destroyed', () => console.log('revoked'));
provider.on('server_error', (_context, error) => console.error(error));

async function serve(request, response) {
  const send = (status, headers, body) => response.writeHead(status, headers).end(body && JSON.stringify(body));
  const json = { 'content-type': 'application/json' };
  const path = new URL(request.url, own).pathname;
  if (path === '/.well-known/oauth-protected-resource/mcp') {
    return send(200, json, { resource, authorization_servers: [issuer], scopes_supported: ['notes:read'] });
  }
  if (path !== '/mcp') return send(404, {});
  const bearer = request.headers.authorization?.match(/^Bearer (.+)$/)?.[1] ?? '';
  const token = (await provider.AccessToken.find(bearer)) ?? (await provider.ClientCredentials.find(bearer));
  if (!token?.isValid || token.aud !== resource || !token.scope?.includes('notes:read')) {
    const metadata = `${own}/.well-known/oauth-protected-resource/mcp`;
    return send(401, { 'www-authenticate': `Bearer resource_metadata="${metadata}"` });
  }
  if (request.method !== 'POST') return send(405, {});
  let text = '';
  for await (const piece of request) text += piece;
  const message = JSON.parse(text);
  if (message.id === undefined) return send(202, {});
  const answers = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'notes', version: '1' },
    },
    'tools/list': { tools: [{ name: 'who', inputSchema: { type: 'object' } }] },
    'tools/call': { content: [{ type: 'text', text: `notes of ${token.accountId ?? token.clientId}` }] },
  };
  const result = answers[message.method];
  const error = { code: -32601, message: 'no such method' };
  send(result ? 200 : 400, json, { jsonrpc: '2.0', id: message.id, ...(result ? { result } : { error }) });
}

console.log(resource);
