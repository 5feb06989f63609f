// Owns how two spellings of one email address are found to be the same.

export function emailKey(email: string): string {
  return email.normalize('NFKC').trim().toLowerCase()
}
