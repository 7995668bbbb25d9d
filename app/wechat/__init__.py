"""WeChat, behind one thin gateway."""
