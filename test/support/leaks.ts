// Owns the search for secrets in tests: in whatever writing they turn up, and in every table of a database.

import { sql } from 'kysely'
import type { Database } from '../../src/storage/database.ts'

/** As it is, and as it would look in other writings. */
function writings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString('hex'),
    bytes.toString('base64url').slice(0, -2),
    bytes.toString('base64').replace(/=+$/, '').slice(0, -2),
  ]
}

/** Which of the secrets are in it; none of them is printed. */
export function leaks(text: string, secrets: readonly string[]): readonly number[] {
  return secrets.flatMap((secret, index) =>
    writings(secret).some((writing) => text.includes(writing)) ? [index] : [],
  )
}

/** The names of the secrets that are in it. */
export function leaked(text: string, secrets: Readonly<Record<string, string>>): readonly string[] {
  const names = Object.keys(secrets)
  return leaks(text, Object.values(secrets)).map((index) => names[index] ?? '')
}

export async function dump(db: Database): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = current_schema() and table_type = 'BASE TABLE'`.execute(db)
  const texts = await Promise.all(
    rows.map(async ({ name }) => {
      const all = await sql<{ text: string }>`
        select row_to_json(each)::text as text from ${sql.table(name)} as each`.execute(db)
      return `${name}\n${all.rows.map(({ text }) => text).join('\n')}`
    }),
  )
  return texts.join('\n')
}
