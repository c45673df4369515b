export const label = ({ amount, total }) => `${amount} for ${(total / 100).toFixed(2)}`;
