/** A line of the table of figures, measured. */
export type Row = {
  /** As the figures name it. */
  area: string;
  load: string;
  n: number;
  result: string;
  holds: boolean;
};
