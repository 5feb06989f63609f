// Owns a crowd: members that come and go all the time, of whom some stay, and all of whom have to be found.

export interface Member {
  /** For the crowd alone: where it sits. */
  seat: number
}

export interface Crowd<T extends Member> {
  enter(member: T): void
  /** Once for each that entered. */
  leave(member: T): void
  /** In no order. It may leave meanwhile. */
  forEach(visit: (member: T) => void): void
}

/**
 * What a Set does, for a rate at which a Set costs more than all it holds. V8 gives a Set a new table again and again while
 * members come and go; the old table points to the new one and to who was there. Once one such table has grown old, those
 * after it, and with them each call that was ever in one, look alive to the quick collector: it copied a call's eight
 * kilobytes for each call, paused for fifteen milliseconds at a time, and let the heap grow to four times its size.
 */
export function createCrowd<T extends Member>(): Crowd<T> {
  const seats: T[] = []
  return {
    enter(member) {
      member.seat = seats.push(member) - 1
    },
    leave(member) {
      const last = seats.pop()
      if (last === undefined || last === member) return
      seats[member.seat] = last
      last.seat = member.seat
    },
    // From the end: whoever takes the seat of one that leaves was visited before.
    forEach(visit) {
      for (let seat = seats.length - 1; seat >= 0; seat--) {
        const member = seats[seat]
        if (member) visit(member)
      }
    },
  }
}
