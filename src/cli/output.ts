// Owns what commands print: lines for people, or one JSON document for programs.

import { visibleText } from '../http/display.ts'

export function print(value: unknown, json: boolean | undefined, lines: readonly string[]): void {
  const text = json ? `${JSON.stringify(value)}\n` : lines.map((line) => `${line}\n`).join('')
  process.stdout.write(commandingNothing(text))
}

/** What a terminal would take for a command is spelled out, as JSON does it: anybody may register a client with such a name. */
export function commandingNothing(text: string): string {
  return text.replace(
    /[\p{Cc}--[\t\n]]/gv,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** To the side, so that what a program reads stays clean. */
export function warn(line: string): void {
  process.stderr.write(`${commandingNothing(line)}\n`)
}

export type Row = readonly string[]

/** A line for each row. `none` is what people are told where there are no rows; to the side as well. */
export function printList(
  value: unknown,
  json: boolean | undefined,
  rows: readonly Row[],
  none: string,
): void {
  print(value, json, table(rows))
  if (rows.length === 0 && !json) warn(none)
}

/**
 * In columns of equal width on a terminal; else with a tab between cells, as many in every line. Whatever somebody else chose
 * stays in its cell, and tells the terminal nothing.
 */
export function table(
  rows: readonly Row[],
  onTerminal: boolean = process.stdout.isTTY === true,
): readonly string[] {
  const cells = rows.map((row) => row.map(visibleText))
  return onTerminal ? columns(cells) : cells.map((row) => row.join('\t'))
}

function columns(rows: readonly Row[]): readonly string[] {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, column) => Math.max(most[column] ?? 0, cell.length)),
    [],
  )
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** A moment as people write it; `never` for none. */
export function moment(date: Date | null): string {
  return date === null ? 'never' : date.toISOString().slice(0, 16).replace('T', ' ')
}
