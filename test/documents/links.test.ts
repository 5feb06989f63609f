// Owns the promise that no link inside of the documents leads nowhere.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { markdownFiles, ROOT, readProject } from './project.ts'

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g

interface Link {
  readonly path: string
  readonly anchor: string
}

/** Links to files of the project, relative to its root; the file itself for a link that is only an anchor. */
function linksOf(file: string): readonly Link[] {
  return [...readProject(file).matchAll(LINK)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#')
      return { path: path === '' ? file : join(dirname(file), path), anchor }
    })
}

/** As GitHub makes them: lower case, punctuation gone, spaces to hyphens. */
function anchorsOf(file: string): readonly string[] {
  return [...readProject(file).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

t.test('every relative link leads to a file of the project', async (t) => {
  for (const file of markdownFiles()) {
    for (const { path, anchor } of linksOf(file)) {
      t.ok(existsSync(join(ROOT, path)), `${file}: ${path}`)
      if (anchor !== '') t.ok(anchorsOf(path).includes(anchor), `${file}: ${path}#${anchor}`)
    }
  }
})

t.test('the search for links finds some, and would notice one that leads nowhere', async (t) => {
  t.ok(linksOf('README.md').length > 5)
  t.ok(linksOf('README.md').some(({ path }) => path === 'docs/clients.md'))
  t.notOk(existsSync(join(ROOT, 'docs/no-such-page.md')))
})
