// Owns the names of the grants that need more than a person's consent.

/** RFC 6749 §4.4.2 */
export const CLIENT_CREDENTIALS = 'client_credentials'
/** RFC 7523 §2.1 */
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** RFC 8693 §2.1 */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
