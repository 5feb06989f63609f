// Owns what axe finds wrong with a page.

import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'

export type Violation = readonly [rule: string, where: readonly string[]]

export async function violationsOf(page: Page): Promise<readonly Violation[]> {
  // No page of ours has frames, so it can all be done in the page itself: otherwise another one is opened each time.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze()
  return violations.map(({ id, nodes }): Violation => [id, nodes.map(({ html }) => html)])
}
