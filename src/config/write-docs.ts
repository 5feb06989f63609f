// Owns writing the generated documents: run it after every change of the schema (npm run docs:config).

import { writeFileSync } from 'node:fs'
import { renderConfigurationPage } from './docs-page.ts'
import { renderEnvExample } from './env-example.ts'

const PROJECT = new URL('../../', import.meta.url)

writeFileSync(new URL('docs/configuration.md', PROJECT), renderConfigurationPage())
writeFileSync(new URL('.env.example', PROJECT), renderEnvExample())
