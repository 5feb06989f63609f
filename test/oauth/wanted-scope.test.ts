// Owns the reading of challenges that say how much scope is missing.

import t from 'tap'
import { wantedScope } from '../../src/oauth/wanted-scope.ts'

t.test('what is missing is read from a challenge that says so, and from nothing else', async (t) => {
  const error = 'Bearer error="insufficient_scope"'
  t.equal(wantedScope(403, `${error}, scope="files:write admin"`), 'files:write admin')
  t.equal(wantedScope(403, 'Bearer scope="a", resource_metadata="x", error=insufficient_scope'), 'a')
  t.equal(wantedScope(401, `${error}, scope="a"`), null)
  t.equal(wantedScope(403, 'Bearer error="invalid_token", scope="a"'), null)
  t.equal(wantedScope(403, error), null)
  t.equal(wantedScope(403, `${error}, scope=""`), null)
  t.equal(wantedScope(403, `${error}, scope="é"`), null)
  t.equal(wantedScope(403, `${error}, scope="${'a'.repeat(1025)}"`), null)
  t.equal(wantedScope(403, [`${error}, scope="a"`]), null)
  t.equal(wantedScope(403, undefined), null)
})
