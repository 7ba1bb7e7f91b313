/** `maxRequestBodySize` of the soaked server: above every honest body of the workload. */
export const MAX_BODY_BYTES: number = 4 * 2 ** 20
