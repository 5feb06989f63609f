// Owns the list of everything that is documented: the variables of the schema and those whose names hold a name.

import * as z from 'zod'
import { type Documentation, documentation } from './documentation.ts'
import { type Family, families } from './families.ts'
import { schema } from './schema.ts'

export interface DocumentedVariable extends Documentation {
  /** `PORT`, `UPSTREAM_<NAME>_URL` */
  readonly name: string
  /** A name that could be set: `UPSTREAM_NOTES_URL`. */
  readonly exampleName: string
  /** The constant default as an operator would write it. Null: there is none, see `fallback`. */
  readonly constant: string | null
}

const EXAMPLE_ENTRIES: Readonly<Record<Family, string>> = {
  UPSTREAM: 'NOTES',
  SIGN_IN: 'COMPANY',
  TRUSTED_ISSUER: 'COMPANY',
}

export function documentedVariables(): readonly DocumentedVariable[] {
  return [
    ...Object.entries(schema.shape).map(([name, field]) => described(name, name, field)),
    ...familyVariables('UPSTREAM'),
    ...familyVariables('SIGN_IN'),
    ...familyVariables('TRUSTED_ISSUER'),
  ]
}

function familyVariables(family: Family): readonly DocumentedVariable[] {
  const nameWith = (entry: string, field: string) => `${family}_${entry}_${field}`
  return Object.entries(families[family].shape).map(([name, field]) =>
    described(nameWith('<NAME>', name), nameWith(EXAMPLE_ENTRIES[family], name), field),
  )
}

function described(name: string, exampleName: string, field: z.ZodType): DocumentedVariable {
  const about = documentation.get(field)
  if (about === undefined) throw new TypeError(`${name} has no documentation`)
  const constant = field instanceof z.ZodPrefault ? String(field.def.defaultValue) : null
  return { ...about, name, exampleName, constant }
}
