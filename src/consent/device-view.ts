// Owns what the pages say that a person sees who connects a device with a code. Pure.

import type { DeviceOutcome, FoundDevice, PendingDevice } from '../authorization-server/devices.ts'
import { browserName } from '../http/browser-name.ts'
import { displayName } from '../http/display.ts'
import type { ChoiceGroup, DeviceConfirmView, DeviceView } from '../http/interaction-view-data.ts'
import { momentOf } from '../http/moment.ts'
import type { MessageView } from '../http/view-data.ts'
import { choiceGroups } from './choices.ts'

export const DEVICE_ACTION = '/device'

export function entryView(userCode: string, problem: string | null = null): DeviceView {
  return { action: DEVICE_ACTION, userCode, problem, retryAfterSeconds: null }
}

export function confirmView({ userCode, client, requested, askedFrom }: PendingDevice): DeviceConfirmView {
  return {
    action: DEVICE_ACTION,
    userCode,
    client: { name: client.name, verifiedHost: client.idHost },
    servers: requested ? choiceGroups(requested, new Map()).flatMap(wishesOf) : [],
    askedFrom: {
      ip: askedFrom.ip,
      program: browserName(askedFrom.userAgent),
      when: momentOf(askedFrom.at),
    },
  }
}

function wishesOf({ title, choices }: ChoiceGroup): DeviceConfirmView['servers'] {
  const wishes = choices.filter(({ requested }) => requested).map(({ label }) => label)
  return wishes.length === 0 ? [] : [{ title, wishes }]
}

const PROBLEMS: Readonly<Record<Exclude<FoundDevice['kind'], 'pending'>, string>> = {
  unknown: 'No device is waiting with this code. Check it, letter by letter.',
  expired: 'This code is too old. Let your device show a new one.',
  answered: 'This code was used already. Let your device show a new one.',
}

export function codeProblem(kind: Exclude<FoundDevice['kind'], 'pending'>): string {
  return PROBLEMS[kind]
}

interface OutcomePage {
  readonly status: number
  readonly view: MessageView
}

const AGAIN = { href: DEVICE_ACTION, label: 'Enter a code' }

/** How it ended. */
export function outcomePage(outcome: DeviceOutcome): OutcomePage {
  switch (outcome.kind) {
    case 'connected':
      return page(
        200,
        'Your device is connected',
        `${displayName(outcome.client)} goes on by itself in a few seconds. You can close this page.`,
      )
    case 'refused':
      return page(
        200,
        'Not connected',
        'The device gets no access. If you did not start this yourself, somebody tried to use your account: nothing was given away.',
      )
    case 'answered':
      return page(
        409,
        'This code was used already',
        'Somebody answered it before you did. Let your device show a new code.',
        AGAIN,
      )
    case 'expired':
      return page(
        400,
        'This code is too old',
        'It took too long, or was started in another browser. Let your device show a new code.',
        AGAIN,
      )
    case 'failed':
      return page(
        400,
        'The device could not be connected',
        'Its request cannot be answered. Start again at the device.',
        AGAIN,
      )
  }
}

function page(status: number, title: string, message: string, link: MessageView['link'] = null): OutcomePage {
  return { status, view: { title, message, link } }
}
