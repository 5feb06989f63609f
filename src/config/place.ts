// Owns the word for where a member of an entry stands: JSON knows a path, a variable of its own knows a name.

export type Place = (path: readonly string[]) => { readonly variable: string; readonly at?: string }
