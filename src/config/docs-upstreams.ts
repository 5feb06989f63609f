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

export const KINDS_EXAMPLE = `{
  "notes": { "urls": ["http://notes-1:3000/mcp", "http://notes-2:3000/mcp"] },
  "archive": { "type": "sse", "url": "http://archive:3000/sse" },
  "files": {
    "command": "npx",
    "args": ["-y", "@example/files-server@1.4.0", "/srv/files"],
    "env": { "API_KEY": "\${env:FILES_KEY}" }
  },
  "shop": { "openapi": "https://shop.example.com/openapi.json", "operations": ["GET /pets/*", "!listStaff"] }
}`

export const LOGINS_EXAMPLE = `{
  "notes": { "url": "https://notes.example.com/mcp", "auth": { "type": "oauth2" } },
  "forge": {
    "url": "https://forge.example.com/mcp",
    "auth": { "type": "oauth2", "client_id": "gatehouse", "client_secret": "\${env:FORGE_SECRET}", "scopes": "repo" }
  },
  "desk": {
    "url": "https://desk.example.com/mcp",
    "auth": { "type": "api-key", "header": "X-Api-Key", "hint": "Settings, Developers, New token." }
  }
}`

export const HEADERS_FILE_EXAMPLE = '{"Authorization": "Bearer a-long-random-text"}'

export const UPSTREAMS_SECTION = `### In a file

The most readable form. Set \`UPSTREAMS_FILE=upstreams.json\`, and write into the file what MCP clients have in theirs:

\`\`\`json
${DOCUMENT_EXAMPLE}
\`\`\`

With \`UPSTREAMS_ENV=TICKETS_TOKEN\` the header above takes its secret from the variable \`TICKETS_TOKEN\`, or from the file that
\`TICKETS_TOKEN_FILE\` names. Only the values of \`headers\` and \`env\` are expanded, only variables that \`UPSTREAMS_ENV\` lists, and none of Gatehouse's own.

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

### Changing them while it runs

The files of \`UPSTREAMS_FILE\` and \`POLICY_FILE\`, and every other file that upstreams or their secrets come from (\`UPSTREAM_<NAME>_…_FILE\`,
the files of variables in \`UPSTREAMS_ENV\`), are followed: a change is taken over within a few seconds, on every replica that has the file, however it was replaced
(in place, by a new file, by the swapped links of Docker and Kubernetes). What stands in \`.env\` is read again when the process gets
\`SIGHUP\`, or by every replica at \`gatehouse upstream reload\` or at \`POST /admin/api/upstreams/reload\` with an API key of an
administrator as bearer token. The upstreams and the [policy](policy.md) are read together, and taken over together. Other variables take effect at
a restart.

A new upstream is there at once: its address, its scopes, its place on the consent page and in \`/mcp\`. One that changed finishes the
calls under way where they began; new calls go to the new one. One that was removed answers 404. Who listens is told that tools, prompts and resources may be
others, at \`/mcp\` too; a stream that passed through to an upstream that is not there any more ends after that, and its client comes back.
A file with a mistake changes nothing, of the upstreams or the policy: every problem is in the log, and \`gatehouse upstream list\` shows
them too.

### What an upstream has

| member | meaning |
|---|---|
| its name | Its address here is \`/mcp/<name>\`; at \`/mcp\`, where several answer as [one](aggregation.md), its tools are \`<name>_…\`. Its scopes are \`<name>\` and \`<name>:read\`. 1 to 32 lower-case letters, digits and hyphens, no hyphen first; not \`openid\`, \`profile\`, \`email\`, \`address\` or \`phone\`, which are scopes already. |
| \`url\`, \`urls\`, \`command\` or \`openapi\` | Required: how it is reached, see below. |
| \`title\`, \`description\` | For people: one line each. |
| \`headers\` | Sent with every request to this upstream, for a key that all callers share. Not \`Host\`, \`Content-Length\`, hop-by-hop headers or \`Mcp-*\`. |
| \`auth\` | A login that it wants, of each person or of all: OAuth, a key, or what Gatehouse says about the person, as in \`{"type": "oauth2"}\`. See [logins](upstream-logins.md). |
| \`scopes\` | Finer scopes, each for some of its tools: \`{"issues": ["create_issue", "*_comment"]}\` makes the scope \`tickets:issues\`. With a title for people: \`{"issues": {"title": "Work on issues", "tools": ["create_issue"]}}\`. The upstream's name is the scope for everything, \`<name>:read\` is what its tools mark read-only. |
| \`holdNewTools\` | \`true\`: tools that appear, or become destructive, after a person agreed wait until that person agrees again. |
| \`limits\` | How much it takes, from everybody, from each person, and for single tools; its largest body, and how long it is waited for. See [limits](limits.md). |
| \`disabled\` | \`true\`: as if the entry were not there. |

Other members, and entries whose name begins with \`_\`, are ignored. A mistake in the JSON is reported with line and column.

### Kinds of upstreams

\`\`\`json
${KINDS_EXAMPLE}
\`\`\`

Whatever an upstream speaks itself, clients of every revision use it under \`/mcp/<name>\` alike, with the same tokens, scopes and audit.

**Streamable HTTP** is an entry with a \`url\`: the \`http:\` or \`https:\` URL of its MCP endpoint, without user and fragment. Link-local
addresses are refused. \`type\` or \`transport\` may say \`http\` or \`streamable-http\`. With \`urls\` instead, one upstream answers at 2 to 16
places: each request goes where the fewest are open, a session stays where it began, and a place that cannot be reached is left out for a
while. What it keeps beyond a session, tasks say, all its places have to know.

**HTTP+SSE**, the transport of 2024-11-05, is an entry with \`"type": "sse"\` and the \`url\` of its event stream. The headers are sent with the
stream and with every message; messages go to the origin of the stream only, whatever the upstream says.

**A program** (stdio) is an entry with a \`command\`:

| member | meaning |
|---|---|
| \`command\`, \`args\` | What to start. No shell is involved, and nothing of a request ever gets into it. Name a version, or a program changes under you. |
| \`env\` | Its variables. Beside these it gets \`PATH\`, \`HOME\`, \`USER\`, \`LOGNAME\`, \`SHELL\`, \`TERM\`, \`LANG\`, \`LC_*\`, \`TZ\` and \`TMPDIR\`, and nothing else of Gatehouse's environment. |
| \`cwd\` | Where it runs. Without it, where Gatehouse runs. |
| \`shared\` | \`true\`: it keeps nothing of a person, so one process serves everybody. Without it each person's client has a process of its own while it is in use. |

A program is asked once, before anything else, whether it speaks 2026-07-28 (\`server/discover\`); then it is spoken to in that revision. One
that does not answer in ten seconds, or with an error, is started anew and greeted with \`initialize\`.

It runs as the user that Gatehouse runs as, and may do what that user may: run only what you trust, in a container or under a user of its
own. A program that ends is started again, with longer and longer pauses when it keeps ending; one that nobody uses is stopped. With
Gatehouse all of them end, each with everything it has started. Should Gatehouse itself be killed, their standard input closes, at
which a program has to end (MCP, "Shutdown"); in a container or a systemd unit the rest ends with it. What a program writes to its
standard error is logged at \`debug\`. A command or a \`cwd\` that is not there is a warning in the log at the start and at every reload,
and \`upstream_status\` says so; the other upstreams do not wait for it. At most 64 run for one upstream and 256 in all; beyond that, callers are told to come back.

The container image has Node and \`npx\`, which wants a place to write: \`"env": {"npm_config_cache": "/data/npm"}\`. For other programs, build an
image on top of it. Run it with an init process (\`init: true\` in Compose), which collects what ended programs leave behind.

**An HTTP API** is an entry with \`openapi\`: the path or the URL of its OpenAPI document (2.0 to 3.1, JSON or YAML). Every operation becomes a
tool. Arguments are checked by its schema before anything is sent, and what is wrong is said by the name of the argument. Of an answer
4 MB are read, or \`MAX_ANSWER\` where that is less. A document that cannot be used, or an operation of it, is a line in the log: which part
it is, and what to do. What was read before stays in use meanwhile.

| member | meaning |
|---|---|
| \`openapi\` | The document. References inside of it are followed, to anywhere else they are not. It is read at the start and every few minutes again. |
| \`url\` | Where the API is. Without it, the first server of the document, which has to be at the origin of the document if that was fetched: our headers go nowhere else on somebody's word. |
| \`operations\` | Which operations become tools: names, paths, or methods with paths; \`*\` stands for any characters, \`!\` in front leaves out. Without it, all. |
| \`writes\` | \`true\`: also operations that change something, which are all but \`GET\` and \`HEAD\`. |
| \`headers\` | Sent with every call: what the API wants as a credential. |

### Logins at upstreams

\`\`\`json
${LOGINS_EXAMPLE}
\`\`\`

With \`auth\` each person logs in at the upstream for themselves, on its own page or with a key of their own, or everybody shares one
login; or Gatehouse logs in as itself, or says who calls. The first call that needs a login leads there
([clients](clients.md#servers-that-want-a-login-of-their-own)). Every \`type\`, its members and what people see of it are described in
[logins at upstreams](upstream-logins.md), which is the reference.`
