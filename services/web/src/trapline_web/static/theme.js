// Before the page is drawn, so that no light page flashes in the dark.
{
  const kept = localStorage.getItem("trapline-theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
}
