/** A step that each leg of a task does anew; the first leg's keeps the plain name. */
export function legStep(name: string, leg: number): string {
  return leg === 1 ? name : `${name}:${leg}`;
}
