// Owns the promise that what the documents tell a reader to type and to set exists.

import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { isOurs } from '../../src/config/given.ts'
import { codeBlocks, manifest, markdownFiles, readProject } from './project.ts'

const LONGEST_README = 120
/** Variables of other programs and of the tests, and a constant. */
const NOT_OURS =
  /^(?:CHROMIUM_PATH|HAPROXY_PATH|TEST_DATABASE_URL|HTTP_PROXY|REFRESH_GRACE_SECONDS|RETRY_FAILED)$/
/** Comes out of the schema, and has a test of its own. */
const GENERATED = 'docs/configuration.md'

const documents = markdownFiles()

t.test('the README fits one page', async (t) => {
  t.ok(readProject('README.md').split('\n').length <= LONGEST_README)
})

t.test('every npm script that a document names is in package.json', async (t) => {
  for (const file of documents) {
    for (const [, script = ''] of readProject(file).matchAll(/npm run ([\w:-]+)/g)) {
      t.ok(Object.hasOwn(manifest.scripts, script), `${file}: npm run ${script}`)
    }
  }
})

t.test('the two commands of the README are scripts, and CI calls the second', async (t) => {
  const shell = codeBlocks(readProject('README.md'), 'sh').map((block) => block.trim())
  t.ok(shell.includes('npm ci && npm start'))
  t.ok(shell.includes('npm ci && npm test'))
  t.hasOwnProps(manifest.scripts, ['start', 'test'])
  const ci = readProject('.ci/run').split('\n')
  t.ok(ci.includes('npm ci'))
  t.ok(ci.includes('npm test'))
})

t.test('every variable that a document names is one of ours', async (t) => {
  for (const file of documents.filter((name) => name !== GENERATED)) {
    const named = [...readProject(file).matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`/g)]
    for (const [, name = ''] of named) {
      if (!NOT_OURS.test(name)) t.ok(isOurs(name), `${file}: ${name}`)
    }
  }
  t.notOk(isOurs('PUBLIC_URI'), 'a misspelled one would be noticed')
})

t.test('the upstreams of the README are what the configuration takes', async (t) => {
  const block = codeBlocks(readProject('README.md'), 'sh').find((code) => code.includes('UPSTREAMS='))
  const json = /UPSTREAMS='([^']+)'/.exec(block ?? '')?.[1] ?? ''
  const url = /UPSTREAM_NOTES_URL=(\S+)/.exec(block ?? '')?.[1] ?? ''
  const expected = [{ name: 'notes', url: 'http://notes:3000/mcp' }]
  t.match(loadConfig({ UPSTREAMS: json }).upstreams, expected)
  t.match(loadConfig({ UPSTREAM_NOTES_URL: url }).upstreams, expected)
})

t.test('every JSON example is JSON', async (t) => {
  for (const file of documents) {
    for (const code of codeBlocks(readProject(file), 'json')) t.doesNotThrow(() => JSON.parse(code), file)
  }
})
