//! What a pickle names and would call: said, never done.

/// A global as Python 3 would look it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Dotted module.
    pub module: Box<str>,
    /// Name inside the module, dotted for nested ones.
    pub qualname: Box<str>,
    /// What a call of it would do, as far as the name tells.
    pub class: CallClass,
}

/// A call that decoding in Python would make. It was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What would be called, `module.qualname`.
    pub name: String,
    /// What that would do.
    pub class: CallClass,
    /// How often it stands in the bytes read.
    pub count: u64,
    /// Offset of the first one in the decoded stream, in bytes.
    pub offset: u64,
}

/// What a call would do. None of these means "safe".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallClass {
    /// On the short list of plain data constructors.
    Data,
    /// Not known to us: a person's own class, or a library's reducer.
    Unknown,
    /// Would run commands or code, or reach for files or the network.
    Code,
}

impl CallClass {
    /// The word of the command line: `data`, `unknown`, `code`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Unknown => "unknown",
            Self::Code => "code",
        }
    }
}

impl Name {
    /// `module.qualname`, as everybody writes it.
    pub fn dotted(&self) -> String {
        format!("{}.{}", self.module, self.qualname)
    }

    /// The name as Python prints a class: without `builtins`.
    pub fn type_name(&self) -> String {
        if &*self.module == "builtins" {
            self.qualname.to_string()
        } else {
            self.dotted()
        }
    }

    /// True for exactly this module and name.
    pub fn is(&self, module: &str, qualname: &str) -> bool {
        &*self.module == module && &*self.qualname == qualname
    }
}
