/**
 * Credentials by their looks; each pattern is linear. Sources: GitHub's token formats (and installation tokens since
 * 2026, `ghs_<app id>_<jwt>`), the issuers' documentation, our own turn tokens `rct_…`.
 */
export const tokenPatterns: readonly RegExp[] = [
  // GitHub: personal, OAuth, user-to-server, server-to-server, refresh; then fine-grained.
  /\bgh[opsur]_[A-Za-z0-9][A-Za-z0-9_.-]{19,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/g,
  /\bv1\.[0-9a-f]{40}\b/g,
  // Ours: a turn at the gateway.
  /\brct_[A-Za-z0-9_-]{16,}/g,
  // Model providers.
  /\bsk-[A-Za-z0-9_-]{20,}/g,
  // AWS: access key ids, and a secret behind its name.
  /\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}\b/g,
  /(?<=aws_?secret_?access_?key["']?\s{0,4}[:=]\s{0,4}["']?)[A-Za-z0-9/+=]{40}/gi,
  // Google, Slack, Stripe, npm, GitLab, SendGrid.
  /\bAIza[A-Za-z0-9_-]{35}/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g,
  /\bhttps:\/\/hooks\.slack\.com\/services\/[A-Za-z0-9/_-]{20,}/g,
  /\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}/g,
  /\bwhsec_[A-Za-z0-9+/=]{20,}/g,
  /\bnpm_[A-Za-z0-9]{36}/g,
  /\bglpat-[A-Za-z0-9_-]{20,}/g,
  /\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/g,
  /\be2b_[A-Za-z0-9]{20,}/g,
  // Shopify, Linear, 1Password, Hugging Face, Docker, Daytona.
  /\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}/g,
  /\blin_api_[A-Za-z0-9]{32,}/g,
  /\bops_eyJ[A-Za-z0-9_-]{40,}/g,
  /\bhf_[A-Za-z0-9]{30,}/g,
  /\bdckr_[a-z]{3}_[A-Za-z0-9_-]{20,}/g,
  /\bdtn_[a-f0-9]{40,}/g,
  // JSON Web Tokens.
  /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g,
  // A password in a URL.
  /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{0,100}:)[^\s:/@]{3,200}(?=@)/gi,
  // Private keys with the headers of encrypted ones, also when the end is missing.
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\s{0,4}[A-Za-z-]{1,20}: [^\r\n]{0,200}(?=[\r\n])){0,5}[A-Za-z0-9+/=\s\\:,.]{0,20000}(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?/g,
];
