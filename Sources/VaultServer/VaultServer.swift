/// The servers over one vault: a line protocol and HTTP. This room is kept free for them; nothing lives here yet.
public enum VaultServer {}
