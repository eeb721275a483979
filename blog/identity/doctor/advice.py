"""What an operator does about each reason for refusing a login or a logout."""

from __future__ import annotations

CLOCKS = "Compare the clocks of both machines (NTP); BLOG_OIDC_CLOCK_SKEW forgives up to 120 s."
KEYS = "Look at the key set at the provider's jwks_uri: it has to hold the key that signs, of at least 2048 bits."
TAMPERED = "If it comes again, look for a cache or proxy between provider and blog, and at who sends this."
AGAIN = "Begin anew, and come back within ten minutes, once."
TOKENS = "Look at the token settings of this client in the provider's console: the standard demands this claim."
SENDER = "Look at what sends to the address for logouts; the provider's logout tokens must follow the standard."

# reason → what to change, and where; one for each of oidc.REASONS
ADVICE = {
    "issuer_mismatch": "Set BLOG_OIDC_ISSUER to the issuer that the discovery document names, to the letter.",
    "client_refused": (
        "Compare BLOG_OIDC_CLIENT_ID and BLOG_OIDC_CLIENT_SECRET with the client in the provider's console, and "
        "BLOG_OIDC_TOKEN_AUTH_METHOD with how it wants to be told."
    ),
    "request_refused": (
        "Look at the client in the provider's console: the authorization code flow is on, its scopes hold those of"
        " BLOG_OIDC_SCOPES, and its response mode is BLOG_OIDC_RESPONSE_MODE."
    ),
    "weak_client_secret": (
        "Let the provider make a longer client secret, or sign with a key pair (BLOG_OIDC_ID_TOKEN_ALG)."
    ),
    "unreadable_keys": (
        "Put back the BLOG_SECRET_KEY with which the keys were made, or make new ones with flask --app blog oidc"
        " rotate-keys --compromised."
    ),
    "push_impossible": (
        "Set BLOG_OIDC_PAR to auto; or look in the provider's console whether it demands pushed authorization requests"
        " of this client, and offers an address for them."
    ),
    "push_refused": (
        "Look at the client in the provider's console: its redirect address, its scopes, its response mode. The blog's"
        " log repeats the provider's code; BLOG_OIDC_PAR=never lets the browser bring the request."
    ),
    "state_mismatch": AGAIN,
    "answer_from_elsewhere": (
        "The answer's iss is not BLOG_OIDC_ISSUER, or is missing though the provider says that it sends one: look "
        "for a provider behind two names."
    ),
    "access_denied": (
        "Let the provider's console assign this person, or everybody, to the client; or agree to the consent."
    ),
    "login_required": "Log in at the provider first; its session policy wants that.",
    "interaction_required": ("Give consent for the client in the provider's console, or let the page ask for it."),
    "temporarily_unavailable": "Look at the provider's own state, and try again.",
    "provider_error": "The provider's own log tells what went wrong there.",
    "code_missing": "The answer has no code: copy the whole address, up to its end.",
    "code_refused": f"{AGAIN} If it comes each time: the redirect address at the client differs from the blog's, or the"
    " provider demands another PKCE method.",
    "state_unknown": AGAIN,
    "provider_unreachable": (
        "Let the blog's machine reach the provider: name server, firewall, certificates, its load."
    ),
    "initiated_elsewhere": ("Let the provider's list of applications send its issuer, as BLOG_OIDC_ISSUER spells it."),
    "author_claim_missing": (
        "Let the provider send the claim that BLOG_OIDC_AUTHOR_CLAIM names, as text of at most 255 characters; or "
        "set it to sub before there are posts."
    ),
    "malformed_answer": (
        "Look whether BLOG_OIDC_TOKEN_URI is the token endpoint, and that access tokens are of type Bearer."
    ),
    "missing_id_token": ("Register the client for OpenID Connect, not for OAuth alone, and grant it the scope openid."),
    "malformed_token": (
        "Switch encryption of ID tokens and userinfo off at the client, and set BLOG_OIDC_USERINFO_ALG only if "
        "userinfo is signed."
    ),
    "wrong_algorithm": (
        "Set BLOG_OIDC_ID_TOKEN_ALG (or BLOG_OIDC_USERINFO_ALG) to what the client is registered with."
    ),
    "unknown_key": KEYS,
    "bad_signature": f"{KEYS} {TAMPERED}",
    "wrong_issuer": (
        "Let the provider put BLOG_OIDC_ISSUER into its tokens: one name for the provider, no other tenant."
    ),
    "wrong_audience": (
        "Let the provider put the client id into aud (an audience mapper), and compare BLOG_OIDC_CLIENT_ID."
    ),
    "wrong_authorized_party": "Let the provider name this client alone in aud, or this client in azp.",
    "missing_expiry": TOKENS,
    "expired": CLOCKS,
    "missing_issue_time": TOKENS,
    "issued_in_future": CLOCKS,
    "not_yet_valid": CLOCKS,
    "missing_subject": TOKENS,
    "other_subject": "Log in anew; the provider renewed a login as somebody else.",
    "wrong_nonce": f"{AGAIN} {TAMPERED}",
    "login_too_old": "Let the provider heed max_age, and put auth_time into ID tokens.",
    "login_too_weak": "Map the level that acr_values asks for in the provider's console.",
    "renewal_refused": "Nothing, if the account was closed or its session ended; else let refresh tokens live longer.",
    "wrong_access_token": TAMPERED,
    "userinfo_refused": (
        "Look whether BLOG_OIDC_USERINFO_URI is the userinfo endpoint, and whether the client's access tokens are "
        "meant for it: their audience and scopes."
    ),
    "userinfo_of_another": ("Let ID token and userinfo have the same subject: a pairwise mapper on one of them only."),
    "wrong_type": SENDER,
    "logout_too_old": f"{SENDER} {CLOCKS}",
    "not_a_logout": SENDER,
    "nonce_in_logout": SENDER,
    "missing_token_id": SENDER,
    "used_before": f"Nothing, once. {TAMPERED}",
}
