// Owns the workshop on the SDK v1 as a program.

import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { noCounts } from './plan.ts'
import { buildWorkshopV1 } from './v1.ts'

await buildWorkshopV1(noCounts()).connect(new StdioServerTransport())
