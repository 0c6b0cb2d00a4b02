"""Qt models over one snapshot, and the roles that the delegate draws by."""
