// Owns how often an upstream has changed: what was kept before it did is never looked for again.

import type { Upstream } from '../../upstreams/registry.ts'
import type { Topic } from './question.ts'

export interface Ages {
  /** A text that no other upstream has, nor this one before it changed. */
  now(upstream: Upstream, topic: Topic): string
  advance(upstream: Upstream, topic: Topic): void
}

/** What is old goes when there is no more room. So does all of an upstream that was reloaded. */
export function createAges(): Ages {
  const known = new WeakMap<Upstream, { readonly id: number; readonly ages: Map<Topic, number> }>()
  let upstreams = 0
  const of = (upstream: Upstream) => {
    const found = known.get(upstream) ?? { id: upstreams++, ages: new Map<Topic, number>() }
    known.set(upstream, found)
    return found
  }
  return {
    now(upstream, topic) {
      const { id, ages } = of(upstream)
      return `${id}.${ages.get(topic) ?? 0}`
    },
    advance(upstream, topic) {
      const { ages } = of(upstream)
      ages.set(topic, (ages.get(topic) ?? 0) + 1)
    },
  }
}
