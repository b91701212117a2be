import type { Settings } from "../github/settings-values.ts";
import { isPriced } from "../usage/rate-card.ts";

/** Whether a task with the repository's own settings could begin; createTask says no to it with words. */
export const hasPrice = ({ model }: Pick<Settings, "model">): boolean => isPriced(model);
