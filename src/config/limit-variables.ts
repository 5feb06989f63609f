// Owns the variables that say how much is too much: of requests, calls, streams and bytes.

import { type Documentation, documentation } from './documentation.ts'
import { countOrOff, rateOrOff } from './rates.ts'
import { size } from './values.ts'

const described = (meaning: string, example: string): Documentation => ({ group: 'Limits', meaning, example })

export const limitVariables = {
  RATE_PER_PERSON: rateOrOff()
    .prefault('1000/s')
    .register(
      documentation,
      described(
        'How often one person may call `/mcp`, with all their clients together: `600/m` lets six hundred requests come at once, and ten more each second. `off`: as often as they like.',
        '600/m',
      ),
    ),
  RATE_PER_CLIENT: rateOrOff()
    .prefault('off')
    .register(
      documentation,
      described(
        'The same for one client, with all the people that use it. An app that is hosted for many is one client.',
        '5000/m',
      ),
    ),
  RATE_REFUSED_PER_ADDRESS: rateOrOff()
    .prefault('6000/m')
    .register(
      documentation,
      described(
        'How often one address (of IPv6, one /64) may call `/mcp` with a token that is not accepted, before it is told to wait. An app that is hosted for many fetches new tokens from few addresses.',
        '600/m',
      ),
    ),
  RATE_FAILED_PER_ADDRESS: rateOrOff()
    .prefault('6000/m')
    .register(
      documentation,
      described(
        'How often one address may send a wrong secret, code or token to `/token`, `/introspect`, `/revoke` or `/userinfo`, a wrong initial access token to `/register`, a wrong key to the operator’s API or a wrong link to `/setup`, before it is told to wait. Requests that succeed, and devices that wait for their person, do not count.',
        '600/m',
      ),
    ),
  RATE_AUTHORIZE_PER_ADDRESS: rateOrOff()
    .prefault('600/m')
    .register(
      documentation,
      described('How often one address may begin to connect an app (`/authorize`, `/par`).', '60/m'),
    ),
  RATE_REGISTER_PER_ADDRESS: rateOrOff()
    .prefault('60/m')
    .register(
      documentation,
      described(
        'How often one address may register a client (`/register`). Hosted apps register anew for every person, all from a few addresses.',
        '10/m',
      ),
    ),
  MAX_CALLS_PER_PERSON: countOrOff()
    .prefault('256')
    .register(documentation, described('How many calls one person may have under way at once.', '20')),
  MAX_CALLS_PER_CLIENT: countOrOff()
    .prefault('off')
    .register(documentation, described('The same for one client.', '500')),
  MAX_CALLS_PER_UPSTREAM: countOrOff()
    .prefault('1000')
    .register(
      documentation,
      described(
        'How many calls may be under way at one upstream at once. One that hangs takes up no more than this, and the others are not slowed down. `limits.calls` of an upstream wins over it.',
        '100',
      ),
    ),
  MAX_STREAMS_PER_PERSON: countOrOff()
    .prefault('256')
    .register(
      documentation,
      described('How many streams that only listen one person may have open at once.', '20'),
    ),
  MAX_STREAMS_PER_CLIENT: countOrOff()
    .prefault('off')
    .register(documentation, described('The same for one client.', '2000')),
  MAX_STREAMS_PER_UPSTREAM: countOrOff()
    .prefault('20000')
    .register(
      documentation,
      described(
        'How many of these streams may be open at one upstream at once. `limits.streams` of an upstream wins over it.',
        '1000',
      ),
    ),
  MAX_BODY: size('1kb', '1gb')
    .prefault('10mb')
    .register(
      documentation,
      described(
        'The largest request body that `/mcp` takes. `limits.body` of an upstream wins over it.',
        '1mb',
      ),
    ),
  MAX_HEADERS: size('4kb', '256kb')
    .prefault('16kb')
    .register(
      documentation,
      described('The largest head of a request, of all its headers together.', '32kb'),
    ),
  MAX_ANSWER: size('64kb', '4gb')
    .prefault('256mb')
    .register(
      documentation,
      described(
        'The largest answer of an upstream that is passed on: a JSON document, or a single event of a stream. It is never held in memory as a whole.',
        '20mb',
      ),
    ),
  MAX_HELD_ANSWERS: size('16mb', '64gb')
    .prefault('128mb')
    .register(
      documentation,
      described(
        'How many bytes of answers each process holds at once: those that have to be read, because the gateway makes the call itself. Of more, large answers (256 KB and up) are refused. In memory an answer takes a few times its size.',
        '1gb',
      ),
    ),
}
