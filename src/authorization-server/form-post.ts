// Owns the policy of the one page that oidc-provider writes: the form that takes a code to the client (response_mode=form_post).

import type { Provider } from 'oidc-provider'

const POLICY = 'content-security-policy'
/**
 * Its script sends the form off, and oidc-provider adds the script's hash where there is a `script-src` to add it to. Without
 * `form-action`: browsers hold it against wherever the client leads on from there, which nobody can list.
 */
const FORM_PAGE = "default-src 'none';script-src 'none';base-uri 'none';frame-ancestors 'none'"
const AUTHORIZATION = /^\/authorize(?:\/|$)/

/** OAuth 2.0 Form Post Response Mode §2. Every other answer keeps the policy that it had. */
export function letFormsBePosted(provider: Provider): void {
  provider.use(async (ctx, next) => {
    if (!AUTHORIZATION.test(ctx.path)) return next()
    const standing = ctx.response.get(POLICY)
    ctx.set(POLICY, FORM_PAGE)
    await next()
    if (!ctx.response.get(POLICY).includes("'sha256-")) ctx.set(POLICY, standing)
  })
}
