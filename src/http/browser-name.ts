// Owns how a browser or a program is called, going by what it says about itself (RFC 9110 §10.1.5).

import { displayName } from './display.ts'

/** In the order in which they must be tried: each of these also claims to be the next ones. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS|HeadlessChrome)\//, 'Chrome'],
  [/\bVersion\/[\d.]+ .*Safari\//, 'Safari'],
]

const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bLinux\b|\bX11\b/, 'Linux'],
]

/** "Firefox on Linux"; for a program that is no browser its own words, shortened. */
export function browserName(userAgent: string): string {
  if (userAgent.trim() === '') return 'an unknown program'
  const [browser, system] = [match(BROWSERS, userAgent), match(SYSTEMS, userAgent)]
  if (browser === null) return displayName(userAgent)
  return system === null ? browser : `${browser} on ${system}`
}

function match(table: readonly (readonly [RegExp, string])[], userAgent: string): string | null {
  return table.find(([pattern]) => pattern.test(userAgent))?.[1] ?? null
}
