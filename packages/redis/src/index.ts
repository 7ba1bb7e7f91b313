export { Redis, Redis as default } from 'ioredis'
