// TypeScript SDK 2.x, either era: client.mjs MODE URL KEY | client.mjs MODE - COMMAND [ARGUMENT...]
// MODE is `auto` (discover, else initialize), `legacy` (the SDK's default), or `2026-07-28`.

import assert from 'node:assert/strict';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const [mode, target, ...rest] = process.argv.slice(2);
const transport =
  target === '-'
    ? new StdioClientTransport({ command: rest[0], args: rest.slice(1) })
    : new StreamableHTTPClientTransport(new URL(target), {
        requestInit: { headers: { Authorization: `Bearer ${rest[0]}` } },
      });

const client = new Client(
  { name: 'typescript-2', version: '1' },
  { capabilities: {}, versionNegotiation: { mode: /^\d/.test(mode) ? { pin: mode } : mode } },
);
await client.connect(transport);
assert.equal(client.getNegotiatedProtocolVersion(), mode === 'legacy' ? '2025-11-25' : '2026-07-28');
const { tools } = await client.listTools();
assert.deepEqual(
  tools.map((tool) => tool.name),
  ['fs_list', 'fs_read', 'fs_search', 'fs_stat', 'fs_tree', 'http_fetch'],
);
const read = await client.callTool({ name: 'fs_read', arguments: { path: 'hello.txt' } });
assert.ok(!read.isError);
assert.equal(read.content[0].text, 'hello, client\n');
assert.equal(read.structuredContent.content, 'hello, client\n');
const refused = await client.callTool({ name: 'fs_read', arguments: { path: '../outside' } });
assert.equal(refused.isError, true);
const url = process.env.SITE;
const page = await client.callTool({ name: 'http_fetch', arguments: { url } });
assert.equal(page.structuredContent.body, '# hello, web');
const post = await client.callTool({ name: 'http_fetch', arguments: { url, method: 'POST', body: 'x' } });
assert.equal(post.structuredContent.status, 501);
const elsewhere = await client.callTool({ name: 'http_fetch', arguments: { url: 'https://example.com/' } });
assert.equal(elsewhere.isError, true);
const guide = await client.readResource({ uri: 'durward://guide' });
assert.match(guide.contents[0].text, /fs_read/);
await client.close();
