// Owns what docs/configuration.md says about upstreams, and its examples, which a test feeds to the program.

export const DOCUMENT_EXAMPLE = `{
  "mcpServers": {
    "notes": {
      "url": "http://notes:3000/mcp",
      "title": "Team notes"
    },
    "tickets": {
      "url": "https://tickets.example.com/mcp",
      "description": "Issues and their history",
      "headers": { "Authorization": "Bearer \${env:TICKETS_TOKEN}" }
    }
  }
}`

export const SHORT_EXAMPLE = '{"notes": {"url": "http://notes:3000/mcp"}}'

export const COMPOSE_EXAMPLE = `services:
  gatehouse:
    environment:
      UPSTREAM_NOTES_URL: http://notes:3000/mcp
      UPSTREAM_NOTES_TITLE: Team notes
      UPSTREAM_TICKETS_URL: https://tickets.example.com/mcp
      UPSTREAM_TICKETS_HEADERS_FILE: /run/secrets/tickets-headers`

export const HEADERS_FILE_EXAMPLE = '{"Authorization": "Bearer a-long-random-text"}'

export const UPSTREAMS_SECTION = `### In a file

The most readable form. Set \`UPSTREAMS_FILE=upstreams.json\`, and write into the file what MCP clients have in theirs:

\`\`\`json
${DOCUMENT_EXAMPLE}
\`\`\`

With \`UPSTREAMS_ENV=TICKETS_TOKEN\` the header above takes its secret from the variable \`TICKETS_TOKEN\`, or from the file that
\`TICKETS_TOKEN_FILE\` names. Only headers are expanded, only variables that \`UPSTREAMS_ENV\` lists, and none of Gatehouse's own.

### In one variable

The same JSON; the outer key may be left out:

\`\`\`sh
UPSTREAMS='${SHORT_EXAMPLE}'
\`\`\`

### One variable at a time

For compose files. \`UPSTREAM_TICKET_DESK_URL\` makes an upstream called \`ticket-desk\`:

\`\`\`yaml
${COMPOSE_EXAMPLE}
\`\`\`

where the secret \`tickets-headers\` is \`${HEADERS_FILE_EXAMPLE}\`.

The forms can be combined, as long as each name appears once.

### What an upstream has

| member | meaning |
|---|---|
| its name | Its address here is \`/mcp/<name>\`, and its scopes are \`<name>\` and \`<name>:read\`. 1 to 32 lower-case letters, digits and hyphens, no hyphen first; not \`openid\`, \`profile\`, \`email\`, \`address\` or \`phone\`, which are scopes already. |
| \`url\` | Required. The \`http:\` or \`https:\` URL of its MCP endpoint, without user and fragment. Link-local addresses are refused. |
| \`title\`, \`description\` | For people: one line each. |
| \`headers\` | Sent with every request to this upstream, for a key that all callers share. Not \`Host\`, \`Content-Length\`, hop-by-hop headers or \`Mcp-*\`. |
| \`scopes\` | Finer scopes, each for some of its tools: \`{"issues": ["create_issue", "*_comment"]}\` makes the scope \`tickets:issues\`. With a title for people: \`{"issues": {"title": "Work on issues", "tools": ["create_issue"]}}\`. The upstream's name is the scope for everything, \`<name>:read\` is what its tools mark read-only. |
| \`holdNewTools\` | \`true\`: tools that appear, or become destructive, after a person agreed wait until that person agrees again. |
| \`type\`, \`transport\` | \`http\` or \`streamable-http\`; may be left out. \`sse\` and \`stdio\` are not supported by this version. |
| \`disabled\` | \`true\`: as if the entry were not there. |
| \`command\` | Not supported by this version: an upstream has a URL. |

Other members, and entries whose name begins with \`_\`, are ignored. A mistake in the JSON is reported with line and column.`
