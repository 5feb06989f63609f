// Owns how long a sign-in has to wait after how many attempts. Pure.

/** Some attempts are free; each later one doubles the wait before the next. */
export interface BackoffRule {
  /** The attempt after which waiting begins. */
  readonly free: number
  readonly firstWaitSeconds: number
  readonly maxWaitSeconds: number
  /** Attempts are forgotten this long after the first. */
  readonly windowSeconds: number
}

/** A number of attempts per window, whatever they try. */
export interface CapRule {
  readonly attempts: number
  readonly windowSeconds: number
}

export interface ThrottleRules {
  /** One account from one address, or from one known browser. */
  readonly pair: BackoffRule
  /** One account from anywhere but its known browsers. */
  readonly account: BackoffRule
  /** Any account from one address. */
  readonly address: CapRule
}

/**
 * At most 17 guesses an hour by one address and 74 by all together on one account; OWASP ASVS 2.2.1 asks for 100.
 * The shorter wait of `account` is what an attacker can do to a person who is at a browser that is not known yet.
 */
export const THROTTLE_RULES: ThrottleRules = {
  pair: { free: 5, firstWaitSeconds: 2, maxWaitSeconds: 15 * 60, windowSeconds: 60 * 60 },
  account: { free: 10, firstWaitSeconds: 1, maxWaitSeconds: 60, windowSeconds: 60 * 60 },
  address: { attempts: 100, windowSeconds: 10 * 60 },
}

/** How long the next attempt has to wait after this many; 0 while they are free. */
export function waitAfter(rule: BackoffRule, attempts: number): number {
  if (attempts < rule.free) return 0
  return Math.min(rule.maxWaitSeconds, rule.firstWaitSeconds * 2 ** (attempts - rule.free))
}
