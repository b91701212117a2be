const notInSlug = /[^a-z0-9]+/g;

/**
 * Turns a title into a URL slug.
 *
 * @param {string} title
 * @param {{ maxLength?: number }} [options]
 * @returns {string} letters a–z, digits and single dashes; empty when the title has none of them
 */
export function slugify(title, { maxLength = 80 } = {}) {
  const slug = title.toLowerCase().replace(notInSlug, "-").replace(/^-|-$/g, "");
  return slug.length <= maxLength ? slug : cutBetweenWords(slug, maxLength);
}

function cutBetweenWords(slug, maxLength) {
  const cut = slug.slice(0, maxLength + 1);
  const lastDash = cut.lastIndexOf("-");
  return lastDash > 0 ? cut.slice(0, lastDash) : slug.slice(0, maxLength);
}
