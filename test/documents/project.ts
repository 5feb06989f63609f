// Owns reading the project's own files in the tests of its documents.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export function readProject(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

const VERSIONS = z.record(z.string(), z.string())

const MANIFEST = z.object({
  scripts: VERSIONS,
  bin: VERSIONS,
  dependencies: VERSIONS,
  devDependencies: VERSIONS,
  optionalDependencies: VERSIONS,
})

export const manifest = MANIFEST.parse(JSON.parse(readProject('package.json')))

const ELSEWHERE: ReadonlySet<string> = new Set(['node_modules', '.git', '.tap', 'data'])

/** Every Markdown file of the project, relative to its root. */
export function markdownFiles(directory = ''): readonly string[] {
  return readdirSync(join(ROOT, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return ELSEWHERE.has(entry.name) ? [] : markdownFiles(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

/** The code blocks of a document that are in one language. */
export function codeBlocks(markdown: string, language: string): readonly string[] {
  return [...markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , code = '']) => code)
}
