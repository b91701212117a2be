export type MachineSize = { vcpus: number; memoryMib: number };

/** As sandbox/template makes them at E2B, and as Daytona makes a snapshot of which nothing else is said. The operator's own host is shared and not measured. */
const sizes: ReadonlyMap<string, MachineSize> = new Map([
  ["e2b", { vcpus: 2, memoryMib: 2_048 }],
  ["daytona", { vcpus: 1, memoryMib: 1_024 }],
]);

/** How large a provider's machines are. */
export function machineSizeOf(provider: string): MachineSize {
  return sizes.get(provider) ?? { vcpus: 0, memoryMib: 0 };
}
