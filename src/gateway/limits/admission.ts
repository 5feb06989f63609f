// Owns admission: how much one person, and one client, may have under way here, and how often they may come.

import { createMeter, type Excess, type Meter, type Passing } from '../../http/meter.ts'
import { type Allowance, UNLIMITED } from '../../oauth/allowance.ts'
import type { Call } from '../call.ts'
import { passingOf } from './errand.ts'
import { tooMuch } from './too-much.ts'

export interface AdmissionNeeds {
  readonly perPerson?: Allowance
  readonly perClient?: Allowance
  /** Milliseconds. */
  readonly clock: () => number
}

export interface Admission {
  /** Gives the call its place, until it leaves; throws a refusal (429) when there is none. */
  enter(call: Call): Passing
  leave(call: Call, passing: Passing): void
}

export function createAdmission(needs: AdmissionNeeds): Admission {
  const { perPerson = UNLIMITED, perClient = UNLIMITED, clock } = needs
  const people = createMeter(perPerson)
  const clients = createMeter(perClient)

  /** Both are asked before either counts: who is refused has used up nothing. */
  function enter(call: Call): Passing {
    const passing = passingOf(call)
    const { subject, clientId } = call.caller
    const now = clock()
    refuse(people, subject, 'person')
    refuse(clients, clientId, 'client')
    people?.enter(subject, passing, now)
    clients?.enter(clientId, passing, now)
    return passing

    function refuse(meter: Meter | null, key: string, whose: 'person' | 'client'): void {
      const excess: Excess | null = meter === null ? null : meter.excess(key, passing, now)
      if (excess !== null) throw tooMuch(excess, whose, call)
    }
  }

  return {
    enter,
    leave({ caller }, passing) {
      people?.leave(caller.subject, passing)
      clients?.leave(caller.clientId, passing)
    },
  }
}
