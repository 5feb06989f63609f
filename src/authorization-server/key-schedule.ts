// Owns the life of a signing key: next, signing, retired, removed. Pure; everything follows from when each key begins to sign.

export const SIGNING_ALGORITHMS = ['ES256', 'RS256'] as const
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/** Of access tokens, and of ID tokens where a client does not ask for another one. docs/decisions/0012. */
export const SIGNING_ALGORITHM = 'ES256'

const MINUTE = 60
const HOUR = 60 * MINUTE

/** How long whoever verifies our tokens may keep the published keys. */
export const KEY_SET_MAX_AGE_SECONDS = 10 * MINUTE
/**
 * How long a key is published before it signs: many times the above, for caches that keep to their own rules, and for
 * replicas that read the keys every few seconds.
 */
export const PUBLISHED_AHEAD_SECONDS = HOUR
/** No token that is signed here lives longer; ACCESS_TOKEN_TTL cannot be set higher. */
export const LONGEST_TOKEN_SECONDS = 24 * HOUR
/** For a replica that noticed late that another key signs, and for tokens accepted a moment after they expired. */
const REMOVAL_MARGIN_SECONDS = 10 * MINUTE

export type KeyState = 'next' | 'signing' | 'retired'

export interface KeyTimes {
  readonly kid: string
  readonly alg: string
  /** Negative: it has begun. */
  readonly signsInSeconds: number
}

export interface Scheduled<K extends KeyTimes> {
  readonly key: K
  readonly state: KeyState
  /** When nothing that it signed is valid any more. Null: no key is there to take over from it. */
  readonly removedInSeconds: number | null
}

export interface DueKey {
  readonly alg: SigningAlgorithm
  readonly signsInSeconds: number
}

const ORDER: readonly KeyState[] = ['signing', 'next', 'retired']

/** The ones that sign first, one for each algorithm; then those to come, then those that were. */
export function schedule<K extends KeyTimes>(keys: readonly K[]): readonly Scheduled<K>[] {
  const scheduled = SIGNING_ALGORITHMS.flatMap((alg) => scheduleOne(keys.filter((key) => key.alg === alg)))
  return scheduled.toSorted((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state))
}

/**
 * The keys to be made: the first of an algorithm signs at once, since nothing else can. Any other is published ahead, in
 * time for the one that signs to have signed for `rotationSeconds` (null: never). While one is waiting, no other is due.
 */
export function dueKeys(keys: readonly KeyTimes[], rotationSeconds: number | null): readonly DueKey[] {
  const scheduled = schedule(keys)
  return SIGNING_ALGORITHMS.flatMap((alg): DueKey[] => {
    const own = scheduled.filter(({ key }) => key.alg === alg)
    const signing = own.find(({ state }) => state === 'signing')
    if (!signing) return [{ alg, signsInSeconds: 0 }]
    if (rotationSeconds === null || own.some(({ state }) => state === 'next')) return []
    const isDue = signing.key.signsInSeconds + rotationSeconds <= PUBLISHED_AHEAD_SECONDS
    return isDue ? [{ alg, signsInSeconds: PUBLISHED_AHEAD_SECONDS }] : []
  })
}

/** The keys that nothing valid was signed with. */
export function outlivedKeys(keys: readonly KeyTimes[]): readonly string[] {
  return schedule(keys)
    .filter(({ state, removedInSeconds }) => state === 'retired' && (removedInSeconds ?? 1) <= 0)
    .map(({ key }) => key.kid)
}

function scheduleOne<K extends KeyTimes>(keys: readonly K[]): readonly Scheduled<K>[] {
  const newestFirst = keys.toSorted(
    (one, other) => other.signsInSeconds - one.signsInSeconds || (one.kid < other.kid ? -1 : 1),
  )
  // Where every key is still to come (one was removed by hand), the earliest signs all the same.
  const begun = newestFirst.findIndex(({ signsInSeconds }) => signsInSeconds <= 0)
  const signing = begun === -1 ? newestFirst.length - 1 : begun
  return newestFirst.map((key, index) => {
    const successor = newestFirst[index - 1]
    return {
      key,
      state: index < signing ? 'next' : index === signing ? 'signing' : 'retired',
      removedInSeconds: successor
        ? successor.signsInSeconds + LONGEST_TOKEN_SECONDS + REMOVAL_MARGIN_SECONDS
        : null,
    }
  })
}
