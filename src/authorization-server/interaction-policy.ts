// Owns when a person is asked something during an authorization request.

import { interactionPolicy, type interactionPolicy as Policy } from 'oidc-provider'

/** Signing in, choosing another account, consent: each a page of ours. */
export function createInteractionPolicy(): Policy.DefaultPolicy {
  const policy = interactionPolicy.base()
  const { Check, Prompt } = interactionPolicy

  // Whether a native client is asked again is decided with the remembered consent (see consent-grant.ts), not for all alike.
  policy.get('consent')?.checks.remove('native_client_prompt')

  policy
    .get('login')
    ?.checks.add(
      new Check('account_missing', 'the account no longer exists or is disabled', (ctx) =>
        ctx.oidc.session?.accountId !== undefined && !ctx.oidc.account
          ? Check.REQUEST_PROMPT
          : Check.NO_NEED_TO_PROMPT,
      ),
    )

  // OpenID Connect Core §3.1.2.1 `select_account`: some clients send it whenever a person reconnects.
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  return policy
}
