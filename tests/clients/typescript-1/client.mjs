// TypeScript SDK 1.x, legacy era: client.mjs URL KEY | client.mjs - COMMAND [ARGUMENT...]

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const [target, ...rest] = process.argv.slice(2);
const transport =
  target === '-'
    ? new StdioClientTransport({ command: rest[0], args: rest.slice(1) })
    : new StreamableHTTPClientTransport(new URL(target), {
        requestInit: { headers: { Authorization: `Bearer ${rest[0]}` } },
      });

const client = new Client({ name: 'typescript-1', version: '1' }, { capabilities: { elicitation: {} } });
client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { name: 'Ada' } }));
await client.connect(transport);
assert.equal(client.getServerVersion().name, 'durward');
const { tools } = await client.listTools();
const names = tools.map((tool) => tool.name);
for (const server of ['legacy', 'modern']) {
  assert.ok(names.includes(`${server}__test_simple_text`), names);
}
assert.deepEqual(
  names.filter((name) => !name.includes('__')),
  [
    ...['fs_copy', 'fs_delete', 'fs_edit', 'fs_list', 'fs_mkdir', 'fs_move', 'fs_read'],
    ...['fs_search', 'fs_stat', 'fs_tree', 'fs_write', 'http_fetch'],
  ],
);
const read = await client.callTool({ name: 'fs_read', arguments: { path: 'hello.txt' } });
assert.ok(!read.isError);
assert.equal(read.content[0].text, 'hello, client\n');
assert.equal(read.structuredContent.content, 'hello, client\n');
const refused = await client.callTool({ name: 'fs_read', arguments: { path: '../outside' } });
assert.equal(refused.isError, true);
const guide = await client.readResource({ uri: 'durward://guide' });
assert.match(guide.contents[0].text, /fs_read/);
const room = `room-${randomUUID()}`;
const calls = readFileSync(process.env.CALLS, 'utf8')
  .replaceAll('$ROOM', room)
  .replaceAll('$WEB', process.env.WEB);
for (const step of JSON.parse(calls)) {
  if (step.resource) {
    const read = await client.readResource({ uri: step.resource });
    assert.equal(read.contents[0].text, step.text);
    continue;
  }
  const result = await client.callTool({ name: step.tool, arguments: step.arguments });
  const refused = result._meta?.['dev.durward/refusal']?.code;
  assert.equal(refused, step.refused, JSON.stringify([step, result]));
  if (step.says) {
    assert.ok(result.content[0].text.includes(step.says), JSON.stringify([step, result]));
  }
  for (const [key, value] of Object.entries(step.expect ?? {})) {
    assert.deepEqual(result.structuredContent[key], value, JSON.stringify([step, result]));
  }
}
await client.close();
