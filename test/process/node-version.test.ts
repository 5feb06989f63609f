// Owns what the launcher does on a Node.js that is too old: it takes the one that npm brought, or says in one line what to do.

import t from 'tap'
import { copyLauncher, OLD_NODE } from '../support/launcher.ts'
import { runGatehouse } from '../support/process.ts'

t.comment(
  OLD_NODE.node
    ? `an old Node.js at ${OLD_NODE.node}`
    : 'no old Node.js here: a new one says that it is 20.0.0',
)

t.test('without a bundled one it says in one line what is missing', async (t) => {
  const launcher = await copyLauncher(t, { bundled: false })
  const { ended, stderr, stdout } = runGatehouse(t, ['help'], { ...OLD_NODE, launcher })

  t.match(await ended, { code: 1 })
  t.match(
    stderr(),
    /^Gatehouse needs Node\.js 24 or newer, and this is \d+\.[\d.]+\. Install it from \S+, or .+\n$/,
  )
  t.equal(stderr().split('\n').length, 2)
  t.equal(stdout(), '')
})

t.test('with a bundled one that is taken, arguments and exit code pass through', async (t) => {
  const launcher = await copyLauncher(t, { bundled: true })
  const help = runGatehouse(t, ['help'], { ...OLD_NODE, launcher })
  const wrong = runGatehouse(t, ['nonsense'], { ...OLD_NODE, launcher })

  t.match(await help.ended, { code: 0 })
  t.match(help.stdout(), 'gatehouse serve')
  t.match(await wrong.ended, { code: 1 })
  t.match(wrong.stderr(), 'There is no command `nonsense`')
})

t.test('a new enough one needs no bundled one', async (t) => {
  const launcher = await copyLauncher(t, { bundled: false })
  const { ended, stdout } = runGatehouse(t, ['help'], { launcher })

  t.match(await ended, { code: 0 })
  t.match(stdout(), 'gatehouse serve')
})

t.test('before `npm ci` it says to run that', async (t) => {
  const launcher = await copyLauncher(t, { modules: false })
  const { ended, stderr } = runGatehouse(t, ['help'], { launcher })

  t.match(await ended, { code: 1 })
  t.equal(stderr(), 'Gatehouse is not installed yet. Run `npm ci` first.\n')
})
