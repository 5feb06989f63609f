// Owns how untrusted text is shown to people: client names, hosts, titles of tools.

/** Long enough for a real product name, too short to hold a persuasive sentence and push the page away. */
export const NAME_LIMIT = 80

/**
 * What takes part in a text without being seen: control, format (bidirectional overrides among them), surrogate and
 * private-use characters, line separators, everything Unicode calls ignorable, and the blank braille cell.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu
const STACKED_MARKS = /(\p{M}{2})\p{M}+/gu

/** Without invisible characters; line breaks and tabs become spaces. */
export function visibleText(value: string): string {
  return value
    .replace(/[\t\n\r]+/g, ' ')
    .replace(INVISIBLE, '')
    .replace(STACKED_MARKS, '$1')
}

/** Ticks, crosses, locks, keys, shields and warnings: beside a name they look as if we had put them there. */
const SIGNS =
  /[\u2139\u2610-\u2612\u26a0\u26d4\u2705\u2713-\u2718\u274c\u274e\u2753-\u2757\u{1f197}\u{1f50f}-\u{1f513}\u{1f530}\u{1f5dd}\u{1f5f4}-\u{1f5f9}\u{1f6ab}\u{1f6e1}\p{Me}]/gu

/** Without the signs that a page of ours gives people; other pictures stay. For names that strangers choose. */
export function withoutSigns(value: string): string {
  return value.replace(SIGNS, '')
}

/** A name that somebody else chose, as one short line. */
export function displayName(value: string): string {
  const name = visibleText(value).replace(/\s+/g, ' ').trim()
  if (name === '') return 'An app without a name'
  const characters = [...name]
  return characters.length <= NAME_LIMIT ? name : `${characters.slice(0, NAME_LIMIT - 1).join('')}…`
}

/** A host in its ASCII form (UTS 46), so that `clаude.ai` with a Cyrillic letter reads `xn--clude-5ve.ai`. */
export function displayHost(value: string): string {
  const url = URL.parse(`https://${value}`)
  const isHostAlone = url?.pathname === '/' && url.username === '' && url.search === '' && url.hash === ''
  return isHostAlone ? url.host : displayName(value)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For element content and quoted attributes: the only way a value enters a view. */
export function escapeHtml(value: unknown): string {
  return visibleText(String(value)).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

/** "45 seconds", "3 minutes": rounded up, so that nobody returns too early. */
export function displayDuration(seconds: number): string {
  if (seconds < 60) return seconds <= 1 ? 'a second' : `${Math.ceil(seconds)} seconds`
  const minutes = Math.ceil(seconds / 60)
  return minutes === 1 ? 'a minute' : `${minutes} minutes`
}
