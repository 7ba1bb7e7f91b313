export {
  type FuzzBudget,
  fuzzBudget,
  fuzzTimeoutMs,
  type PropertyParameters,
  propertyParameters,
} from './fuzz-budget.ts'
