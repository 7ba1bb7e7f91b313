export const hijackCases: readonly import('./scope.ts').CaseDefinition[] = []
